"""Words everyone uses: ids, clock, money, errors, envelopes, messages. No I/O."""
