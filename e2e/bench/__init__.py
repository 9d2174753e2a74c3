"""What the operator costs beside a client that only sends the same requests: `make bench`."""
