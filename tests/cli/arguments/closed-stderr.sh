meter apply nothing.yaml 2>&-
