meter stats --format xml
