"""The edge model `parts`: which part lies under the camera, by the digit that is stamped on it."""
