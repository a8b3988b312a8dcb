"""What happens to every request, whatever face it is for."""
