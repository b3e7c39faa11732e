"""The workflow's steps. What sources share is here; each has its own folder, and a line in `branches`."""
