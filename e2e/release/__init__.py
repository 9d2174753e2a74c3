"""`make release`: builds, describes, pushes and signs what a version consists of (docs/release.md)."""
