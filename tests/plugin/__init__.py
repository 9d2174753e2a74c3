"""What `kubectl mailstack` asks, and what it shows."""
