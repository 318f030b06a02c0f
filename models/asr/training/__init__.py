"""Train the demo recogniser `models/asr/de_demo` from nothing but registry packages.

One file per job, in the order of the run:

==================  ==========================================================================
text                sentences, templates, vocabulary; what must never be trained on
espeak              speech with exact phoneme times from libespeak-ng
phones              our phone set; espeak's phonemes tidied into it; position-dependent ids
channel             telephone line: echo, tilt, shouting, noise, A-law, mu-law
features            MFCC as Kaldi computes them; Kaldi's running mean normalisation
synthesise          sentences -> shards of features and frame labels
network             time-delay network, trained with torch, batch norms folded away
lexicon             words -> pronunciations
language_model      trigram with absolute discounting
graph               lexicon and language model -> HCLG.fst
kaldi_format        Kaldi's binary model format, written and read back
assemble            the model folder, its manifest, put in place in one step
evaluate            word error rate, lag, word times, cost (in a process of its own)
==================  ==========================================================================

Start with ``python -m models.asr.training --help``. The product never imports this package; its
extra requirements are in ``requirements.txt`` beside this file.
"""
