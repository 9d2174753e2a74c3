"""The commands `mailstack` and `kubectl mailstack`."""
