"""dartboard: differentiable neural architecture search on images, from a dataset to a tested network."""
