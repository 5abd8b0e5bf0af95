meter
