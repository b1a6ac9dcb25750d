// The worker of a page in which a host lives, so that a training step does not stop the page. Its first message says how to start.

import { serve } from '../connection.js'
import { type BrowserHostOptions, startHost } from './browser-start.js'

self.addEventListener(
  'message',
  ({ data }) =>
    serve(startHost(data as BrowserHostOptions), {
      post: (message) => self.postMessage(message),
      listen: (receive) => self.addEventListener('message', ({ data: call }) => receive(call)),
    }),
  { once: true },
)
