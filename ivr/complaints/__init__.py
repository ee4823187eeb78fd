"""Complaint cases: intake, routing, grading, life cycle and deadlines. Package `rules` is pure."""
