"""The way of a message through both servers, beside bare servers of the same images: `make bench PART=path`."""
