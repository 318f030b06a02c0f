"""From a pretrained multilingual encoder and our own corpus to the German text model."""
