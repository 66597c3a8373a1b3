"""HTML and plots of reports and pages."""
