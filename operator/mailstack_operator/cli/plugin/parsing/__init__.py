"""What kubectl and the servers print, as values. Pure."""
