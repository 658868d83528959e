"""The five stages of the workflow, one file each, all of one shape: fetch, preprocess, split, train, evaluate."""
