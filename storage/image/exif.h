// The orientation in a picture's EXIF block (JEITA CP-3451, EXIF 2.32, section 4.6.4: tag 274 of the first directory).
#pragma once

#include <string_view>

namespace lockstep {

// `block`: a TIFF header, "II*\0" or "MM\0*", and what follows. 1 where it says nothing that makes sense.
int exif_orientation(std::string_view block);

}  // namespace lockstep
