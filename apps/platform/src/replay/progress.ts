export const replayCollection = 'replays';
