"""How the consumers of these tests end a subscription."""


def unsubscribe(client, consumer, topics):
    """Ends a subscription of one topic or of several, one partition at a time: a consumer of several
    crashes now and then in its unsubscribe(), by a race within the client."""
    subscription = consumer.subscription_name()
    consumer.close()
    for topic in topics if isinstance(topics, list) else [topics]:
        for partition in client.get_topic_partitions(topic):
            client.subscribe(partition, subscription).unsubscribe()
