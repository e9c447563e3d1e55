"""What can be built: operations, cells, skeletons, genotypes, networks and their cost."""
