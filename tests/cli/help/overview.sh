meter help
