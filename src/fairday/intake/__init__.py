"""What brings the outside in: the Segment wire and files, turned into happenings and goods."""
