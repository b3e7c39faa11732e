"""What the test stack's functions and jobs run."""
