"""What works on this repository itself: nothing here is ever installed."""
