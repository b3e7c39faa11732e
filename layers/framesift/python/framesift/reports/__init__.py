"""Reports: what a run has made as one HTML file, which opens without a server and loads nothing from one."""
