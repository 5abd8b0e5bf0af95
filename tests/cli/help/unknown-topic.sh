meter help money
