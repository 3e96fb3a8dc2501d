"""What happens in between: the Faust app that normalises frames and joins them to their submissions."""
