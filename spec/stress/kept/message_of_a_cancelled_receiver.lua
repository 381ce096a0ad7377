-- Seed 2, shrunk from 477 actions: N messages were lost, N can be explained.
-- It fails when a message that a cancelled receiver had is not put back.

return { seed = 2, ending = "drain", actions = {
  { "host.submit", 440142811384 },
  { "receive", 609867388241 },
  { "host.submit", 100004297665 },
  { "host.send_in_coroutine", 959918094578 },
} }
