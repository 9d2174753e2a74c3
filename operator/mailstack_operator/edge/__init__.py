"""Where the operator meets the world: Kopf, the API server, HTTP, logs."""
