"""Topics of a broker that speaks Kafka's protocol, in and out; README.md."""
