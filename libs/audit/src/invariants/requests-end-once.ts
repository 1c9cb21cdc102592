import { pipelineEnded, retrainRequested, rolloutEnded, rolloutStarted, turnStarted } from '@relearn/contracts';
import { type Invariant, PerPipeline } from '../invariant.js';

interface Request {
  readonly event: string;
  turn: string | null;
  ends: number;
  /** Its model is tried beside the champion, for as long as business time says. */
  tried: boolean;
}

interface Turns {
  readonly requests: Map<string, Request>;
  /** The request whose turn runs. */
  running: string | null;
}

/**
 * Each `retrain.requested` has exactly one `pipeline.ended`, behind it in the log, and one turn runs at a time.
 * `quiescent`: nothing is under way any more, so a request without an end is a breach too,
 * unless its model is being rolled out: that waits for business time.
 */
export function requestsEndOnce(quiescent: boolean): Invariant {
  const pipelines = new PerPipeline<Turns>(() => ({ requests: new Map(), running: null }));
  return {
    name: 'each request ends once',
    topics: ['control'],
    take(event, _fromRow, report) {
      const { pipeline, id } = event;
      const turns = pipelines.of(pipeline);
      const breach = (message: string) => report({ pipeline, message, event: id });
      if (retrainRequested.is(event)) {
        const { request } = event.data;
        if (turns.requests.has(request)) return breach(`request ${request} was made twice`);
        turns.requests.set(request, { event: id, turn: null, ends: 0, tried: false });
      } else if (turnStarted.is(event)) {
        const { request: name, turn } = event.data;
        const request = turns.requests.get(name);
        if (request === undefined) return breach(`turn ${turn} was started for request ${name}, which nobody made`);
        if (request.turn !== null) breach(`request ${name} started two turns, ${request.turn} and ${turn}`);
        if (request.ends > 0) breach(`turn ${turn} was started for request ${name}, which had ended`);
        if (turns.running !== null) breach(`turn ${turn} was started while the turn of request ${turns.running} ran`);
        request.turn = turn;
        turns.running = name;
      } else if (rolloutStarted.is(event) || rolloutEnded.is(event)) {
        const request = turns.requests.get(event.data.request);
        if (request !== undefined) request.tried = rolloutStarted.is(event);
      } else if (pipelineEnded.is(event)) {
        const { request: name, turn } = event.data;
        const request = turns.requests.get(name);
        if (request === undefined) return breach(`the end of request ${name}, which nobody made`);
        request.ends += 1;
        if (request.ends > 1) breach(`request ${name} ended ${request.ends} times`);
        if (request.turn !== turn) breach(`request ${name} ended as turn ${turn} but had started turn ${request.turn}`);
        if (turns.running === name) turns.running = null;
      }
    },
    finish(report) {
      if (!quiescent) return;
      for (const [pipeline, { requests }] of pipelines.all()) {
        for (const [name, request] of requests) {
          if (request.ends > 0 || request.tried) continue;
          report({ pipeline, message: `request ${name} has no end`, event: request.event });
        }
      }
    },
  };
}
