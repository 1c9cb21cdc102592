import { type Share, runShare } from './shard.js';

// A process that runs a share of the seeds and tells its parent.
process.once('message', (share: Share) => {
  void runShare(share, () => process.send?.('seed')).then((result) => {
    process.send?.(result, () => process.disconnect());
  });
});
