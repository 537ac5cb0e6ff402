"""Pictures: curves, grids of images, filters, the computational graph."""
