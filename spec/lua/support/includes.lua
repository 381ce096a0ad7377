-- Fails unless the text has the part in it, letter for letter.
return function(part, text)
  if type(text) ~= "string" then
    error(("expected a text with\n  %s\ngot a %s: %s"):format(part, type(text), text), 2)
  elseif not text:find(part, 1, true) then
    error(("expected to find\n  %s\nin\n  %s"):format(part, text), 2)
  end
end
