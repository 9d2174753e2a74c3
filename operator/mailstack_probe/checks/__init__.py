"""The checks of a pod: each is one question, asked again and again in a thread of its own."""
