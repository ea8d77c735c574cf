"""Measures the budgets of docs/architecture.md section 8 on this machine. Not a test: it prints figures."""
