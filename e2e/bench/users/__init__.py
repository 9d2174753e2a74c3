"""What many users cost, by the source that holds them: `make bench PART=users`."""
