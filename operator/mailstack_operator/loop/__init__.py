"""The reconcile loop: reads what is there, decides, applies, reports."""
