"""Words to labels: what a German support utterance does to the person at the other end."""
