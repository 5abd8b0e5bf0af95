echo 'version: 2' >wrong.yaml
meter quote wrong.yaml --plan api-pro
