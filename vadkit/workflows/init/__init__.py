"""New projects for own cameras."""
