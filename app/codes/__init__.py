"""Visit codes 检查码: what a unit scans before anybody comes in, and what it says afterwards."""
