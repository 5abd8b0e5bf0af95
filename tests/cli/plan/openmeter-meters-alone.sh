# The meters of OpenMeter's configuration file, as YAML.
cat >config.yaml <<'END'
meters:
  - slug: api_requests_duration
    description: API Request Duration
    eventType: request
    aggregation: MAX
    valueProperty: $.duration_ms
    groupBy: {method: $.method, route: $.route}
END
meter plan import --from openmeter config.yaml | tee made.yaml
meter check made.yaml
