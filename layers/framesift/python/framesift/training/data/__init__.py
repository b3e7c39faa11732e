"""What is trained on: data sets of several forms, checks of them, and pools of prepared images."""
