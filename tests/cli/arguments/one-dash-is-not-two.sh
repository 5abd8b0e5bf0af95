meter stats -format json
