"""What is run beside a measurement: building artifacts, measuring the harness itself."""
