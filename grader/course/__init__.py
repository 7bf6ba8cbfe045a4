"""A course: several exercises graded by one command, and what a student's grade comes to over all of them."""
