export const glyphWidth = 5
export const glyphHeight = 7

/** The printable characters that captions are made of, five by seven. Small letters are drawn as capitals. */
const drawn: Readonly<Record<string, string>> = {
  '0': ' ### #   ##  ### # ###  ##   # ### ',
  '1': '  #   ##    #    #    #    #   ### ',
  '2': ' ### #   #    #   #   #   #   #####',
  '3': '#####   #   #     #     ##   # ### ',
  '4': '   #   ##  # # #  # #####   #    # ',
  '5': '######    ####     #    ##   # ### ',
  '6': '  ##  #   #    #### #   ##   # ### ',
  '7': '#####    #   #   #   #    #    #   ',
  '8': ' ### #   ##   # ### #   ##   # ### ',
  '9': ' ### #   ##   # ####    #   #  ##  ',
  A: ' ### #   ##   ##   #######   ##   #',
  B: '#### #   ##   ##### #   ##   ##### ',
  C: ' ### #   ##    #    #    #   # ### ',
  D: '#### #   ##   ##   ##   ##   ##### ',
  E: '######    #    #### #    #    #####',
  F: '######    #    #### #    #    #    ',
  G: ' ### #   ##    # ####   ##   # ####',
  H: '#   ##   ##   #######   ##   ##   #',
  I: ' ###   #    #    #    #    #   ### ',
  J: '  ###   #    #    #    # #  #  ##  ',
  K: '#   ##  # # #  ##   # #  #  # #   #',
  L: '#    #    #    #    #    #    #####',
  M: '#   ### ### # ## # ##   ##   ##   #',
  N: '#   ##   ###  ## # ##  ###   ##   #',
  O: ' ### #   ##   ##   ##   ##   # ### ',
  P: '#### #   ##   ##### #    #    #    ',
  Q: ' ### #   ##   ##   ## # ##  #  ## #',
  R: '#### #   ##   ##### # #  #  # #   #',
  S: ' #####    #     ###     #    ##### ',
  T: '#####  #    #    #    #    #    #  ',
  U: '#   ##   ##   ##   ##   ##   # ### ',
  V: '#   ##   ##   ##   ##   # # #   #  ',
  W: '#   ##   ##   ## # ## # ## # # # # ',
  X: '#   ##   # # #   #   # # #   ##   #',
  Y: '#   ##   ##   # # #   #    #    #  ',
  Z: '#####    #   #   #   #   #    #####',
  ':': '       #    #         #    #       ',
  '-': '               #####               ',
  '.': '                          ##   ##  ',
  '%': '##   ##  #   #   #   #   #  ##   ##',
  ' ': ' '.repeat(35),
}

const missing = '######   ##   ##   ##   ##   ######'

/** The rows of a character, '#' for ink; a box for one that is not drawn. */
export const glyphOf = (letter: string): string[] => {
  const dots = drawn[letter.toUpperCase()] ?? missing
  return Array.from({ length: glyphHeight }, (_, row) =>
    dots.slice(row * glyphWidth, (row + 1) * glyphWidth).padEnd(glyphWidth),
  )
}
