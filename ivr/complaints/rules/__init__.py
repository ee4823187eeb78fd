"""The rules of complaints: lines, grading, routing, deadlines, life of a case. Pure."""
