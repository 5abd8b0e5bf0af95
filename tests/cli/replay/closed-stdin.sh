meter replay - <&-
