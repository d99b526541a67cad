"""Checks that losses are used rightly: in source, in tensors, in trainings and in logs."""
